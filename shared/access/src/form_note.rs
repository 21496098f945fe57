//! Notes of the sign-in form, on why it is shown again: a code in its address, and the text that the code means.

/// What the form says above its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormNote {
    /// The token is none that may look.
    Token,
    /// The session with which a page was asked for is over.
    Ended,
    /// The sign-in at the identity provider was not begun in this browser, took too long, or was used.
    Expired,
    /// The person or the provider refused.
    Denied,
    /// The provider does not answer, or not as it should.
    Provider,
    /// What the provider answered cannot be trusted.
    Untrusted,
    /// The account is no person's.
    NoPerson,
    /// The account is in no group that may look.
    NoGroup,
    /// The account's e-mail address is not verified.
    NoEmail,
    /// Quell itself is not set up for it, or cannot write.
    Setup,
}

impl FormNote {
    pub const ALL: [Self; 10] = [
        Self::Token,
        Self::Ended,
        Self::Expired,
        Self::Denied,
        Self::Provider,
        Self::Untrusted,
        Self::NoPerson,
        Self::NoGroup,
        Self::NoEmail,
        Self::Setup,
    ];

    /// The code in the address.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Token => "true",
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::Denied => "denied",
            Self::Provider => "provider",
            Self::Untrusted => "untrusted",
            Self::NoPerson => "person",
            Self::NoGroup => "group",
            Self::NoEmail => "email",
            Self::Setup => "setup",
        }
    }

    /// The note with this code. Any other text is none: nothing of an address is shown.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|note| note.code() == code)
    }

    /// The key of its text among those of the pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Token => "not_signed_in",
            Self::Ended => "session_ended",
            Self::Expired => "sign_in_expired",
            Self::Denied => "sign_in_denied",
            Self::Provider => "sign_in_provider",
            Self::Untrusted => "sign_in_untrusted",
            Self::NoPerson => "sign_in_no_person",
            Self::NoGroup => "sign_in_no_group",
            Self::NoEmail => "sign_in_no_email",
            Self::Setup => "sign_in_setup",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FormNote;

    #[test]
    fn a_note_is_found_by_its_code_and_nothing_else_is_one() {
        for note in FormNote::ALL {
            assert_eq!(FormNote::of_code(note.code()), Some(note));
        }
        for other in ["", "false", "<script>", "not_signed_in"] {
            assert_eq!(FormNote::of_code(other), None, "{other}");
        }
    }
}
