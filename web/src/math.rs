//! The few functions of floats the stage needs. In the page they are the browser's: Rust's own
//! would be five kilobytes to download. Nothing of a world is ever computed with them.

#[cfg(target_arch = "wasm32")]
mod imp {
    use js_sys::Math;

    pub(crate) fn sqrt(x: f64) -> f64 {
        Math::sqrt(x)
    }
    pub(crate) fn sin(x: f64) -> f64 {
        Math::sin(x)
    }
    pub(crate) fn cos(x: f64) -> f64 {
        Math::cos(x)
    }
    pub(crate) fn atan2(y: f64, x: f64) -> f64 {
        Math::atan2(y, x)
    }
    pub(crate) fn ln(x: f64) -> f64 {
        Math::log(x)
    }
    pub(crate) fn exp(x: f64) -> f64 {
        Math::exp(x)
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    pub(crate) fn sqrt(x: f64) -> f64 {
        x.sqrt()
    }
    pub(crate) fn sin(x: f64) -> f64 {
        x.sin()
    }
    pub(crate) fn cos(x: f64) -> f64 {
        x.cos()
    }
    pub(crate) fn atan2(y: f64, x: f64) -> f64 {
        y.atan2(x)
    }
    pub(crate) fn ln(x: f64) -> f64 {
        x.ln()
    }
    pub(crate) fn exp(x: f64) -> f64 {
        x.exp()
    }
}

pub(crate) use imp::*;
