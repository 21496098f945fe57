//! Input files named on the command line; `-` is the standard input.

use std::io::Read as _;
use std::path::Path;

use crate::exit::Failure;

/// The bytes of a file.
pub(crate) fn bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::unread(Path::new("the standard input"), &error))?;
        return Ok(bytes);
    }
    std::fs::read(file).map_err(|error| Failure::unread(file, &error))
}

/// The text of a file.
pub(crate) fn text(file: &Path) -> Result<String, Failure> {
    String::from_utf8(bytes(file)?)
        .map_err(|_| Failure::wrong(format!("{} is not UTF-8 text", file.display())))
}
