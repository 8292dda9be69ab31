//! Programs about certificates and the web: `curl` and `openssl`. They come with the feature
//! `k8s`; the world `cluster` has neither.

mod curl;
mod openssl;

pub(crate) use curl::PROGRAM as CURL;
pub(crate) use openssl::PROGRAM as OPENSSL;
