//! Client of Amazon Bedrock's Converse API
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>). The
//! function's role grants access; there is no key.

use std::error::Error;
use std::io;

use aws::unhurried;
use aws_sdk_bedrockruntime::config::StalledStreamProtectionConfig;
use aws_sdk_bedrockruntime::error::{BuildError, DisplayErrorContext, SdkError};
use aws_sdk_bedrockruntime::operation::converse::{ConverseError, ConverseOutput};
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, InferenceConfiguration, JsonSchemaDefinition, Message,
    OutputConfig, OutputFormat, OutputFormatStructure, OutputFormatType, StopReason,
    SystemContentBlock, TokenUsage,
};
use aws_sdk_bedrockruntime::{Client, Config};
use aws_types::SdkConfig;
use domain::analysis::price::Usage;
use domain::analysis::settings::{AnswerFormat, ProviderSettings};
use domain::phrase;

use super::attempt::{FailedTry, reply};
use super::refusal::refusal;
use super::wording::{bounds_in_words, in_words, words};
use super::{Billed, Question, Reply, Trouble};

/// A client that tries once and waits as long as it is let: retries and time limits are the same for every provider.
pub(super) fn client(aws: &SdkConfig) -> Client {
    let config = Config::from(&unhurried(aws))
        .to_builder()
        // A model that thinks sends nothing for a long time.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    Client::from_conf(config.build())
}

/// Asks a question. Not every model knows schemas (Amazon's own do not); for those the answer's format is `text`
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html>).
pub(super) async fn ask(
    client: &Client,
    settings: &ProviderSettings,
    question: &Question,
) -> Result<Reply, FailedTry> {
    let by_schema = settings.answer_format == AnswerFormat::JsonSchema;
    let invalid = |error: BuildError| {
        FailedTry::last(Trouble::Unreachable(error.to_string()), Billed::Nothing)
    };
    let material = ContentBlock::Text(question.material.clone());
    let message = Message::builder()
        .role(ConversationRole::User)
        .content(material)
        .build()
        .map_err(invalid)?;
    let most = i32::try_from(question.max_output_tokens).unwrap_or(i32::MAX);
    let request = client
        .converse()
        .model_id(&settings.model)
        .system(SystemContentBlock::Text(if by_schema {
            question.instructions.clone()
        } else {
            in_words(question)
        }))
        .messages(message)
        .inference_config(InferenceConfiguration::builder().max_tokens(most).build())
        .set_output_config(if by_schema {
            Some(output_config(question).map_err(invalid)?)
        } else {
            None
        });
    // Boxed: the SDK's future is deep, and the futures around it would be too deep for the compiler.
    match Box::pin(request.send()).await {
        Ok(output) => read(output, settings, question),
        Err(error) => Err(failed(&error)),
    }
}

fn output_config(question: &Question) -> Result<OutputConfig, BuildError> {
    let schema = bounds_in_words(&question.schema).to_string();
    let schema = JsonSchemaDefinition::builder()
        .name("answer")
        .schema(schema)
        .build()?;
    let format = OutputFormat::builder()
        .r#type(OutputFormatType::JsonSchema)
        .structure(OutputFormatStructure::JsonSchema(schema));
    Ok(OutputConfig::builder().text_format(format.build()?).build())
}

fn read(
    output: ConverseOutput,
    settings: &ProviderSettings,
    question: &Question,
) -> Result<Reply, FailedTry> {
    // Where the usage is missing, the SDK puts zeros in its place; no question has no tokens.
    let usage = output.usage.map(usage).filter(|usage| usage.input > 0);
    let failed = |trouble| Err(FailedTry::answered(trouble, usage));
    let finish = output.stop_reason.as_str().to_owned();
    let content = output
        .output
        .as_ref()
        .and_then(|output| output.as_message().ok())
        .map_or(&[][..], |message| &message.content);
    let text: String = content
        .iter()
        .filter_map(|block| block.as_text().ok())
        .map(String::as_str)
        .collect();
    match output.stop_reason {
        StopReason::EndTurn | StopReason::StopSequence => {
            reply(text, usage, settings.model.clone(), finish)
        }
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded => {
            failed(Trouble::Truncated(question.max_output_tokens))
        }
        StopReason::ContentFiltered | StopReason::GuardrailIntervened => {
            failed(Trouble::Filtered(finish))
        }
        // Claude's refusal is none of the documented reasons.
        _ if finish == "refusal" => failed(Trouble::Filtered(finish)),
        _ => failed(Trouble::Unreadable(phrase!(
            "it stopped for another reason than its end: {reason}",
            reason = words(&finish, None)
        ))),
    }
}

/// Tokens as the interface counts them: those that went into a cache or came out of it are not among the first.
fn usage(tokens: TokenUsage) -> Usage {
    let sent = [
        Some(tokens.input_tokens),
        tokens.cache_read_input_tokens,
        tokens.cache_write_input_tokens,
    ];
    let count = |tokens: i32| u64::try_from(tokens).unwrap_or_default();
    Usage {
        input: sent.into_iter().flatten().map(count).sum(),
        output: count(tokens.output_tokens),
    }
}

fn failed(error: &SdkError<ConverseError>) -> FailedTry {
    let raw = error.raw_response();
    match (error, raw) {
        (SdkError::ServiceError(_) | SdkError::ResponseError(_), Some(raw))
            if !raw.status().is_success() =>
        {
            refusal(
                raw.status().as_u16(),
                |name| raw.headers().get(name),
                raw.body().bytes().unwrap_or_default(),
                None,
            )
        }
        (SdkError::ServiceError(_) | SdkError::ResponseError(_), _) => FailedTry::last(
            Trouble::Unreadable(words(&DisplayErrorContext(error).to_string(), None).into()),
            Billed::Unknown,
        ),
        // Only a connection that was never made cannot have carried the question.
        _ => {
            let unsent = match error {
                SdkError::ConstructionFailure(_) => true,
                // No time limit but that of making a connection is the connector's own.
                SdkError::DispatchFailure(failure) => {
                    failure.is_timeout() || failure.is_user() || was_refused(error)
                }
                _ => false,
            };
            let billed = if unsent {
                Billed::Nothing
            } else {
                Billed::Unknown
            };
            FailedTry::last(
                Trouble::Unreachable(words(&DisplayErrorContext(error).to_string(), None)),
                billed,
            )
        }
    }
}

/// True if no server listens there.
fn was_refused(error: &SdkError<ConverseError>) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        {
            return true;
        }
        cause = error.source();
    }
    false
}
