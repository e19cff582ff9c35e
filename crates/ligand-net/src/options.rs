//! What all options of transporters and discoverers have in common.

use std::fmt;

use ligand_wire::Error;

/// The error of options that cannot work: `BROKER_OPTIONS_ERROR` with the name of the bus before the text and a full stop
/// behind it.
///
/// ```
/// let error = ligand_net::wrong("Redis", "'db' must be 0 in a cluster");
/// assert_eq!(error.message(), "Redis: 'db' must be 0 in a cluster.");
/// ```
pub fn wrong(bus: &str, what: impl fmt::Display) -> Error {
    Error::broker_options(format!("{bus}: {what}."))
}

/// Gives options a method for each field, with the field's name, which sets it and returns the options. Each stands with
/// what its method takes; an `Option` is set to `Some`.
///
/// ```
/// #[derive(Default)]
/// struct BusOptions {
///     prefetch: u16,
///     username: Option<String>,
/// }
///
/// ligand_net::setters! { BusOptions:
///     prefetch: u16,
///     username: Option<impl Into<String>>,
/// }
///
/// let options = BusOptions::default().prefetch(8).username("ann");
/// assert_eq!((options.prefetch, options.username.as_deref()), (8, Some("ann")));
/// ```
#[macro_export]
macro_rules! setters {
    ($options:ident:) => {};
    ($options:ident: $name:ident: Option<impl Into<$type:ty>>, $($rest:tt)*) => {
        $crate::setters! { @one $options $name (impl Into<$type>) Some($name.into()) }
        $crate::setters! { $options: $($rest)* }
    };
    ($options:ident: $name:ident: Option<$type:ty>, $($rest:tt)*) => {
        $crate::setters! { @one $options $name ($type) Some($name) }
        $crate::setters! { $options: $($rest)* }
    };
    ($options:ident: $name:ident: impl Into<$type:ty>, $($rest:tt)*) => {
        $crate::setters! { @one $options $name (impl Into<$type>) $name.into() }
        $crate::setters! { $options: $($rest)* }
    };
    ($options:ident: $name:ident: $type:ty, $($rest:tt)*) => {
        $crate::setters! { @one $options $name ($type) $name }
        $crate::setters! { $options: $($rest)* }
    };
    (@one $options:ident $name:ident ($type:ty) $value:expr) => {
        impl $options {
            #[doc = concat!("See [`", stringify!($options), "::", stringify!($name), "`](#structfield.", stringify!($name), ").")]
            #[must_use]
            pub fn $name(mut self, $name: $type) -> Self {
                self.$name = $value;
                self
            }
        }
    };
}
