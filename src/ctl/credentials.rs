//! Owner, token and other secrets, from flags, files or the environment.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::error::CtlError;

/// Variable that has the token where no flag has it.
const TOKEN_VARIABLE: &str = "NOVAROUTE_TOKEN";

/// Who writes, and the proof of it.
#[derive(Debug, Args)]
pub struct Credentials {
    /// Owner to act as
    #[arg(long)]
    pub owner: String,
    /// The owner's token; other users of this machine can see it in the process list
    ///
    /// Without this and without --token-file, the token is taken from NOVAROUTE_TOKEN.
    // Not clap's `env`: the variable would then conflict with --token-file.
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_file")]
    token: Option<SecretString>,
    /// File with the owner's token [else env: NOVAROUTE_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Credentials {
    /// The flags as they were typed, but for a token: the next reader of the screen need not
    /// have it.
    pub fn typed(&self) -> String {
        let mut typed = format!(" --owner {}", self.owner);
        if let Some(file) = &self.token_file {
            typed.push_str(&format!(" --token-file {}", file.display()));
        }
        typed
    }

    /// The token, from the flag, the file or the environment.
    ///
    /// # Errors
    /// None of them has one, or the file cannot be read or is empty.
    pub fn token(&self) -> Result<String, CtlError> {
        if let Some(token) = secret(self.token.as_ref(), self.token_file.as_deref())? {
            return Ok(token);
        }
        match env::var(TOKEN_VARIABLE) {
            Ok(token) if !token.is_empty() => Ok(token),
            _ => Err(CtlError::NoToken),
        }
    }
}

/// A secret from a flag, or else from a file without its final line break.
///
/// # Errors
/// The file cannot be read or is empty.
pub fn secret(
    flag: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<Option<String>, CtlError> {
    if let Some(secret) = flag {
        return Ok(Some(secret.expose_secret().to_owned()));
    }
    let Some(path) = file else { return Ok(None) };
    let text = fs::read_to_string(path)
        .map_err(|source| CtlError::SecretFile { path: path.to_owned(), source })?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(CtlError::SecretEmpty { path: path.to_owned() }),
        secret => Ok(Some(secret.to_owned())),
    }
}
