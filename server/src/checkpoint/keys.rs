//! The keys that checkpoints are signed with: read from PEM, and made anew.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes,
};
use ed25519_dalek::{SigningKey, VerifyingKey};

use crate::args::KeygenArgs;
use crate::exit::Failure;

/// Runs `hotledger journal keygen`.
pub(crate) fn generate(args: &KeygenArgs) -> anyhow::Result<()> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| io::Error::other(error.to_string()))
        .context("the system gives no random numbers")?;
    let key = SigningKey::from_bytes(&seed);
    // Without the public half, as openssl writes it and every version of it reads it.
    let private = KeypairBytes { secret_key: key.to_bytes(), public_key: None };
    let private = private.to_pkcs8_pem(LineEnding::LF).context("the private key")?;
    let public = key.verifying_key().to_public_key_pem(LineEnding::LF);
    let public = public.context("the public key")?;
    write_new(&args.public_key, public.as_bytes(), 0o644)?;
    write_new(&args.key, private.as_bytes(), 0o600).inspect_err(|_| {
        // A public key without its private one is of no use; that it may stay is no new failure.
        let _ = fs::remove_file(&args.public_key);
    })
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let named = || format!("cannot write {}", path.display());
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Failure::InTheWay(format!("{} exists", path.display())).into());
        }
        opened => opened.with_context(named)?,
    };
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.with_context(named)
}

/// Reads a private key.
pub(super) fn signing_key(path: &Path) -> anyhow::Result<SigningKey> {
    let pem = read(path)?;
    SigningKey::from_pkcs8_pem(&pem).map_err(|error| malformed(path, "private", &error))
}

/// Reads a public key.
pub(super) fn public_key(path: &Path) -> anyhow::Result<VerifyingKey> {
    let pem = read(path)?;
    VerifyingKey::from_public_key_pem(&pem).map_err(|error| malformed(path, "public", &error))
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn malformed(path: &Path, half: &str, error: &dyn std::fmt::Display) -> anyhow::Error {
    let path = path.display();
    Failure::BadKey(format!("{path} is no Ed25519 {half} key in PEM: {error}")).into()
}

/// Two digits a byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads exactly so many bytes back; capitals are no digits here, so that there is one form.
pub(super) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(digits) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, at) in bytes.iter_mut().zip((0..text.len()).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}
