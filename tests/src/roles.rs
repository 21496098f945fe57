//! The credentials of a function's role, for the tests of what a stolen role can do.

use std::time::Duration;

use aws::AwsEnvironment;
use settings::variables::Variables;

use crate::stack::Stack;

/// How long one request may take.
pub const ATTEMPT: Duration = Duration::from_secs(30);

impl Stack {
    /// AWS as somebody sees it who has the role of a function, such as `Repair`.
    ///
    /// # Panics
    /// If the role cannot be assumed.
    pub async fn stolen(&self, function: &str) -> AwsEnvironment {
        let root = self.aws();
        let name = &self.facts.outputs[&format!("{function}FunctionName")];
        let lambda = aws_sdk_lambda::Client::new(&root);
        let asked = lambda.get_function_configuration().function_name(name);
        let role = asked.send().await.expect("it is deployed").role;
        let session = aws_sdk_sts::Client::new(&root)
            .assume_role()
            .role_arn(role.expect("its role"))
            .role_session_name("stolen")
            .send()
            .await;
        let keys = session.expect("assumed").credentials.expect("credentials");
        let variables = Variables::from_fn(|name| match name {
            "AWS_ENDPOINT_URL" => Some(self.facts.endpoint_url.clone()),
            "AWS_REGION" => Some(self.environment().region().to_owned()),
            "AWS_ACCESS_KEY_ID" => Some(keys.access_key_id.clone()),
            "AWS_SECRET_ACCESS_KEY" => Some(keys.secret_access_key.clone()),
            "AWS_SESSION_TOKEN" => Some(keys.session_token.clone()),
            _ => None,
        });
        AwsEnvironment::from_variables(&variables).expect("credentials")
    }
}
