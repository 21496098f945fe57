//! The subset of HTTP/1.1 that the Lambda runtime clients and the AWS SDKs speak: requests with a
//! length, on connections that stay open.

use std::fmt::Write as _;
use std::io::{self, BufRead, Read as _, Write};

#[derive(Debug)]
pub(crate) struct Request {
    /// Its method and path.
    pub(crate) line: String,
    /// `X-Amz-Target`: which operation of AWS is asked for.
    pub(crate) target: String,
    pub(crate) body: Vec<u8>,
}

/// Reads the next request of a connection; none when the other side has closed it.
pub(crate) fn read(connection: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut request = Request {
        line: String::new(),
        target: String::new(),
        body: Vec::new(),
    };
    if connection.read_line(&mut request.line)? == 0 {
        return Ok(None);
    }
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut header = String::new();
        connection.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
            "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
            "x-amz-target" => value.trim().clone_into(&mut request.target),
            _ => {}
        }
    }
    if chunked {
        read_chunks(connection, &mut request.body)?;
    } else {
        request.body.resize(length, 0);
        connection.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

fn read_chunks(connection: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut size = String::new();
        connection.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
        connection.take(size).read_to_end(body)?;
        connection.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(());
        }
    }
}

/// Writes an answer in one piece, so that no delay of TCP gets into what is measured.
pub(crate) fn write(
    connection: &mut impl Write,
    status: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in headers {
        // Writing to a string does not fail.
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let _ = write!(head, "content-length: {}\r\n\r\n", body.len());
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    connection.write_all(&bytes)?;
    connection.flush()
}
