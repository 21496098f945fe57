//! Pictures of charts: SVG becomes PNG, with the one font that is compiled in.

use std::sync::{Arc, LazyLock};

use chart::Chart;
use domain::analysis::evidence::charted;
use domain::incident::Incident;
use domain::primitives::local_time::Zone;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};
use thiserror::Error;

/// Letters of DejaVu Sans, whose licence is beside it (`fonts/README.md`).
const FONT: &[u8] = include_bytes!("../../fonts/DejaVuSans-ascii.ttf");
/// How many pixels of the picture one pixel of the chart is: screens of phones have two to three.
const SCALE: u16 = 2;

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(FONT.to_vec());
    Arc::new(fonts)
});

/// Why there is no picture of a chart. None of it can happen with a chart as it is drawn.
#[derive(Debug, Error)]
pub enum PictureError {
    #[error("the chart is no SVG: {0}")]
    Svg(#[from] resvg::usvg::Error),
    #[error("there is no room for the picture")]
    Size,
    #[error("the picture cannot be written as PNG: {0}")]
    Png(String),
}

/// The chart of an incident's own value, for readers in this zone; nothing where it has none.
pub fn svg(incident: &Incident, zone: Option<&Zone>) -> Option<String> {
    let (measurement, series) = charted(&incident.evidence)?;
    let chart = Chart {
        series,
        threshold: measurement.threshold(),
        unit: &measurement.unit,
        began: Some(incident.alert.starts_at),
        zone,
    };
    chart.svg()
}

/// A chart as a PNG of twice its size.
///
/// # Errors
/// If it is no chart.
pub fn png(svg: &str) -> Result<Vec<u8>, PictureError> {
    let options = Options {
        fontdb: Arc::clone(&FONTS),
        font_family: "DejaVu Sans".to_owned(),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options)?;
    let (width, height) = (chart::WIDTH * SCALE, chart::HEIGHT * SCALE);
    let mut picture = Pixmap::new(width.into(), height.into()).ok_or(PictureError::Size)?;
    let scale = Transform::from_scale(SCALE.into(), SCALE.into());
    resvg::render(&tree, scale, &mut picture.as_mut());
    picture
        .encode_png()
        .map_err(|error| PictureError::Png(error.to_string()))
}

#[cfg(test)]
mod tests {
    use domain::primitives::local_time::Zone;
    use resvg::tiny_skia::Pixmap;

    use super::{png, svg};
    use crate::samples;

    #[test]
    fn a_chart_is_a_small_picture_with_letters() {
        let incident = samples::charted().incident;
        let zone = Zone::try_from("Asia/Taipei".to_owned()).expect("a zone");
        let svg = svg(&incident, Some(&zone)).expect("it has a series");
        let picture = png(&svg).expect("a picture");
        assert!(
            (5_000..60_000).contains(&picture.len()),
            "{} bytes",
            picture.len()
        );
        let pixels = |png: &[u8]| Pixmap::decode_png(png).expect("a PNG");
        let whole = pixels(&picture);
        assert_eq!((whole.width(), whole.height()), (1280, 600));
        assert!(whole.pixels().iter().all(|pixel| pixel.alpha() == 255));
        // Without its texts it is another picture: the font was found.
        let bare = svg
            .lines()
            .filter(|line| !line.starts_with("<text"))
            .collect::<String>();
        let bare = pixels(&png(&bare).expect("a picture"));
        let differs = |(one, other): &(_, _)| one != other;
        let letters = whole
            .pixels()
            .iter()
            .zip(bare.pixels())
            .filter(differs)
            .count();
        assert!(letters > 5_000, "{letters} pixels of letters");
    }

    #[test]
    fn without_a_series_there_is_no_chart() {
        assert_eq!(svg(&samples::waiting().incident, None), None);
        png("<svg").expect_err("no SVG");
    }
}
