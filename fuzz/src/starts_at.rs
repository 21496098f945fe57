//! Properties of senders' timestamps: RFC 3339 is understood, an understood time can be stored, and
//! an error names the place.

use domain::alert::classification::AlertTables;
use ingress::alerts::alertmanager;
use jiff::Timestamp;
use serde_json::json;

use crate::{now, refusal};

/// The text of an alert's `startsAt`.
pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let body = json!({ "status": "firing", "alerts": [{ "status": "firing", "startsAt": text }] });
    let read = alertmanager::read(
        body.to_string().as_bytes(),
        "alertmanager",
        &AlertTables::default(),
        now(),
    )
    .map(|read| read.delivery);
    match (&read, rfc_3339(&text)) {
        (Ok(delivery), Some(Some(nanoseconds))) => {
            assert_eq!(
                delivery.alerts[0].starts_at.as_nanosecond(),
                nanoseconds,
                "{text} is another time"
            );
        }
        (Ok(_), Some(None)) => panic!("{text} is no time"),
        (Err(rejection), Some(Some(nanoseconds))) => {
            let known = Timestamp::MIN.as_nanosecond()..=Timestamp::MAX.as_nanosecond();
            assert!(
                !known.contains(&nanoseconds),
                "{text} is a time: {rejection}"
            );
        }
        (Ok(_) | Err(_), _) => {}
    }
    match read {
        Ok(delivery) => {
            let time = delivery.alerts[0].starts_at;
            // The table keeps milliseconds, as a number: they have to be this time's and no other's.
            assert_eq!(
                i128::from(time.as_millisecond()),
                time.as_nanosecond() / 1_000_000,
                "{text}"
            );
            let shown: Timestamp = time.to_string().parse().expect("what is shown can be read");
            assert_eq!(shown, time, "{text}");
        }
        Err(rejection) => {
            let document = refusal::document(rejection);
            assert_eq!(
                (&document["at"], &document["status"]),
                (&"alerts[0].startsAt".into(), &400.into()),
                "{text}"
            );
        }
    }
}

/// Nanoseconds since 1970 of a time in the shape of RFC 3339, nothing inside if the shape is right and the time does not
/// exist, and nothing at all for any other shape: what else is understood is not our promise.
fn rfc_3339(text: &str) -> Option<Option<i128>> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i128> {
        let digits = bytes.get(from..to)?;
        digits.iter().all(u8::is_ascii_digit).then(|| {
            digits
                .iter()
                .fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'))
        })
    };
    let is = |at: usize, byte: u8| bytes.get(at).is_some_and(|own| *own == byte);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':')) {
        return None;
    }
    let mut end = 19;
    let mut nanoseconds = 0;
    if is(19, b'.') {
        let digits = bytes[20..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        // Times are kept in nanoseconds; more digits than that are not promised.
        if !(1..=9).contains(&digits) {
            return None;
        }
        end = 20 + digits;
        nanoseconds = number(20, end)? * 10_i128.pow(9 - u32::try_from(digits).ok()?);
    }
    let offset = match &bytes[end..] {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (number(end + 1, end + 3)?, number(end + 4, end + 6)?);
            let seconds = hours * 3_600 + minutes * 60;
            // RFC 3339 ends at 23:59. A few more hours, as history has had them in date lines, may be understood.
            if hours == 24 || hours == 25 {
                return None;
            }
            (hours < 24 && minutes < 60).then_some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => return None,
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [
        31,
        if is_leap { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let length = usize::try_from(month)
        .ok()
        .and_then(|month| days.get(month.wrapping_sub(1)));
    let exists = length.is_some_and(|length| (1..=*length).contains(&day))
        && hour < 24
        && minute < 60
        && second <= 60;
    let Some(offset) = offset.filter(|_| exists) else {
        return Some(None);
    };
    // A leap second is the second before it: nobody's clock here knows it.
    let second = second.min(59);
    let before = |year: i128| {
        365 * year + (year + 3).div_euclid(4) - (year + 99).div_euclid(100)
            + (year + 399).div_euclid(400)
    };
    let in_year: i128 = days
        .iter()
        .take(usize::try_from(month).ok()? - 1)
        .sum::<i128>()
        + day
        - 1;
    let day = before(year) - before(1970) + in_year;
    let seconds = day * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    Some(Some(seconds * 1_000_000_000 + nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::rfc_3339;

    #[test]
    fn the_calendar_is_right() {
        let at = |text| {
            rfc_3339(text)
                .flatten()
                .map(|nanoseconds| nanoseconds / 1_000_000_000)
        };
        assert_eq!(at("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(at("0001-01-01T00:00:00Z"), Some(-62_135_596_800));
        assert_eq!(at("0000-03-01T00:00:00Z"), Some(-62_162_035_200));
        assert_eq!(at("2024-02-29T23:59:60+01:00"), Some(1_709_247_599));
        assert_eq!(at("9999-12-31T23:59:59Z"), Some(253_402_300_799));
        assert_eq!(rfc_3339("2023-02-29T00:00:00Z"), Some(None));
        assert_eq!(rfc_3339("2023-02-28 00:00:00Z"), None);
    }
}
