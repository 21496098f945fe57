//! The languages in which people read what Quell says.

use serde::{Deserialize, Serialize};

/// A language that the built-in templates speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub enum Language {
    #[default]
    #[serde(rename = "en")]
    English,
    /// Chinese in traditional characters.
    #[serde(rename = "zh-TW")]
    TraditionalChinese,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::English, Self::TraditionalChinese];

    /// Its tag, which is also the name of the directory with its templates.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::TraditionalChinese => "zh-TW",
        }
    }
}
