//! Signing in to the console at the operator's identity provider: the authorization code flow of OpenID Connect Core 1.0 with PKCE
//! (RFC 7636), as RFC 9700 wants it. It ends in a session like a token's; everything behind it is the same.

mod app;
pub mod config;
pub mod exchange;
mod handler;
pub mod id_token;
pub mod jwks;
pub mod pending;
pub mod provider;
mod refusal;
mod reply;

pub use crate::app::App;
