//! What an impl block says, read and understood.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Generics, Ident, LitStr, Path, Type};

use super::body::Body;
use crate::{
    options::{Field, Route},
    surface::Call,
};

/// A service with everything the macro knows of it.
pub(super) struct Service {
    /// `Users`
    pub(super) ident: Ident,
    /// `Users<S>`
    pub(super) ty: Type,
    pub(super) generics: Generics,
    pub(super) options: Options,
    pub(super) actions: Vec<Action>,
    pub(super) events: Vec<Event>,
    pub(super) jobs: Vec<Job>,
    /// Service-wide hooks.
    pub(super) hooks: Vec<(LitStr, Hook)>,
    pub(super) lifecycle: Vec<Lifecycle>,
}

/// The options in `#[service(..)]`.
#[derive(Default)]
pub(super) struct Options {
    pub(super) name: Option<(String, Span)>,
    pub(super) version: Option<Version>,
    pub(super) mixins: Vec<(Ident, Type)>,
    pub(super) contract: Option<Path>,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) settings: Vec<Field>,
    pub(super) metadata: Vec<Field>,
    pub(super) without: Vec<LitStr>,
}

pub(super) enum Version {
    Number(u32),
    Text(String),
}

/// A service to wait for: by name, or by type.
pub(super) enum Dependency {
    Name(LitStr),
    Type(Path),
}

/// How to call a method.
#[derive(Clone)]
pub(super) struct Handler {
    pub(super) method: Ident,
    pub(super) is_async: bool,
    pub(super) ctx: bool,
    pub(super) fallible: bool,
    /// It answers a `Reply<T>`.
    pub(super) reply: bool,
    pub(super) cfgs: Vec<Attribute>,
}

pub(super) struct Action {
    pub(super) call: Call,
    pub(super) handler: Handler,
    /// Where the wire name was written.
    pub(super) wire_span: Span,
    pub(super) options: ActionOptions,
    /// The hooks and the fallback that its options name, in the order they were written.
    pub(super) hooks: Vec<Hook>,
}

#[derive(Default)]
pub(super) struct ActionOptions {
    pub(super) name: Option<LitStr>,
    pub(super) rest: Vec<Route>,
    /// How the body of an HTTP request is taken.
    pub(super) body: Option<Body>,
    /// `Visibility::Private` and where it was written.
    pub(super) visibility: Option<Ident>,
    pub(super) fallback: Option<Span>,
    pub(super) blocking: bool,
    /// Parameters that no argument takes are refused.
    pub(super) unknown: Option<LitStr>,
    /// Calls on the builder that nothing else depends on.
    pub(super) builder: Vec<TokenStream>,
    /// Methods that other methods' options name.
    pub(super) hooks: Vec<(HookKind, Ident)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum HookKind {
    Before,
    After,
    OnError,
    Fallback,
}

impl HookKind {
    /// The method of the builder, and the option.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::OnError => "on_error",
            Self::Fallback => "fallback",
        }
    }

    /// How such a method is written.
    pub(super) fn usage(self) -> &'static str {
        match self {
            Self::Before => {
                "a `before` hook is `async fn name(&self, ctx: &Context, params: &mut T) -> Result<()>`, with the \
                 payload type of the action as T, or `&mut Payload` for any"
            }
            Self::After => {
                "an `after` hook is `async fn name(&self, ctx: &Context, result: &mut T) -> Result<()>`, with the \
                 result type of the action as T, or `&mut Payload` for any"
            }
            Self::OnError => {
                "an `on_error` hook is `async fn name(&self, ctx: &Context, error: Error) -> Result<T>`, with the \
                 result type of the action as T, or `Payload` for any; it recovers, or answers the error"
            }
            Self::Fallback => {
                "a fallback is `async fn name(&self, ctx: &Context, error: Error) -> Result<T>`, with the result type \
                 of the action as T"
            }
        }
    }
}

/// A method that runs around actions.
#[derive(Clone)]
pub(super) struct Hook {
    pub(super) kind: HookKind,
    pub(super) handler: Handler,
    /// The type it changes or answers; none for a guard that only looks at the context.
    pub(super) value: Option<Type>,
}

pub(super) struct Event {
    pub(super) handler: Handler,
    /// None: the name of the event type.
    pub(super) pattern: Option<LitStr>,
    pub(super) payload: Option<Type>,
    pub(super) blocking: bool,
    pub(super) docs: String,
    pub(super) builder: Vec<TokenStream>,
}

/// Background work that repeats.
pub(super) struct Job {
    pub(super) handler: Handler,
    pub(super) name: String,
    /// A `Duration`.
    pub(super) period: TokenStream,
    pub(super) blocking: bool,
    pub(super) docs: String,
    pub(super) builder: Vec<TokenStream>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Created,
    Started,
    Stopping,
    Stopped,
}

impl Phase {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Started => "started",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

/// A method of the life cycle; for `created`, `ctx` means that it takes the broker.
pub(super) struct Lifecycle {
    pub(super) phase: Phase,
    pub(super) handler: Handler,
}

impl Service {
    /// Full name with version.
    pub(super) fn full_name(&self) -> String {
        let name = self.options.name.as_ref().map_or("", |(name, _)| name);
        let plain = self.options.flag("$noVersionPrefix");
        match &self.options.version {
            _ if plain => name.to_owned(),
            None => name.to_owned(),
            Some(Version::Number(number)) => format!("v{number}.{name}"),
            Some(Version::Text(text)) => format!("{text}.{name}"),
        }
    }

    /// Full name of an action.
    pub(super) fn full_action(&self, wire: &str) -> String {
        if self.options.flag("$noServiceNamePrefix") {
            wire.to_owned()
        } else {
            format!("{}.{wire}", self.full_name())
        }
    }
}

impl Options {
    /// A setting is `true`.
    fn flag(&self, key: &str) -> bool {
        self.settings.iter().any(|field| field.key == key && field.value.to_string() == "true")
    }
}
