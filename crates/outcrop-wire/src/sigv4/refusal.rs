//! Why a request is not let in, in AWS's words.

/// Why a request is not let in. Prints what AWS says to the caller; names neither secrets nor what would have been right.
///
/// The codes that go with it differ between services: the JSON services say `InvalidSignatureException` where S3 says
/// `SignatureDoesNotMatch`. Choosing one is the business of who writes the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No signature and no key at all.
    #[error("Missing Authentication Token")]
    Missing,
    /// What stands where a signature should be is none.
    #[error("{0}")]
    Incomplete(String),
    /// Nobody has this access key.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// Nobody has this bearer key.
    #[error("Authentication failed: Please make sure your API Key is valid.")]
    UnknownBearer,
    /// Too old or not valid yet.
    #[error("{0}")]
    Time(String),
    /// Signed for another service, day or purpose.
    #[error("{0}")]
    Scope(String),
    /// A header that must be signed is not.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization.")]
    NotSigned(String),
    /// Signed with another secret, or changed on the way.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    /// The body is not the one that was signed.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    Body,
}
