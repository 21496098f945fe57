//! Rules of AWS that the emulator keeps, by itself or by `infra/local/aws_rules`: each is seen refusing
//! something. The table of them is docs/aws-conformance.md.

mod faults;
mod gateway;
mod invocations;
mod loops;
mod queues;
mod tables;

use std::fmt::Debug;

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};

/// What AWS says where it refuses.
#[derive(Debug)]
struct Refusal {
    status: u16,
    /// Without what SQS puts before it for clients of its old protocol.
    code: String,
    message: String,
}

/// The refusal of a request.
///
/// # Panics
/// If it was accepted.
#[track_caller]
fn refusal<T: Debug, E: ProvideErrorMetadata + Debug>(answer: Result<T, SdkError<E>>) -> Refusal {
    let error = answer.expect_err("a refusal");
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    let code = error.code().unwrap_or_default();
    Refusal {
        status: status.unwrap_or_default(),
        code: code.rsplit('.').next().unwrap_or_default().to_owned(),
        message: error.message().unwrap_or_default().to_owned(),
    }
}

/// Asserts that a request was refused with this code, with a status of 400.
#[track_caller]
fn assert_refused<T: Debug, E: ProvideErrorMetadata + Debug>(
    answer: Result<T, SdkError<E>>,
    code: &str,
) -> Refusal {
    let refused = refusal(answer);
    assert_eq!(
        (refused.status, refused.code.as_str()),
        (400, code),
        "{refused:?}"
    );
    refused
}
