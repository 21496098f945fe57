//! A text with a little markup, which each kind of channel writes in its own way.

/// A text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rich {
    html: String,
}

impl Rich {
    /// A text out of the HTML that templates make.
    #[must_use]
    pub fn from_html(html: String) -> Self {
        Self { html }
    }

    /// The text as Telegram's HTML (<https://core.telegram.org/bots/api#html-style>).
    #[must_use]
    pub fn telegram(&self) -> String {
        self.html.clone()
    }

    /// The text as Slack's mrkdwn (<https://docs.slack.dev/messaging/formatting-message-text>).
    #[must_use]
    pub fn mrkdwn(&self) -> String {
        self.plain().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    }

    /// The text without markup.
    #[must_use]
    pub fn plain(&self) -> String {
        let mut text = String::new();
        let mut inside = false;
        for c in self.html.chars() {
            match c {
                '<' => inside = true,
                '>' => inside = false,
                c if !inside => text.push(c),
                _ => {}
            }
        }
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
    }
}
