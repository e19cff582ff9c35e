//! What a handler borrows and moves into a task. That cannot compile, and the compiler only says that a reference
//! escapes: here it is said what to write instead.
//!
//! Only what can be nothing else is reported: the functions of tokio and of the standard library, and the tasks of the
//! broker, all of which ask for `'static`; and no name that the method binds a second time.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Expr, ExprCall, ExprMethodCall, FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, Pat, PatIdent, Path, Type,
    visit_mut::{self, VisitMut},
};

use crate::{errors::Errors, signature::is_named};

/// Looks through all methods of the block.
pub(super) fn check(block: &mut ItemImpl, errors: &mut Errors) {
    for item in &mut block.items {
        if let ImplItem::Fn(method) = item {
            look(method, errors);
        }
    }
}

fn look(method: &mut ImplItemFn, errors: &mut Errors) {
    let mut borrowed = Vec::new();
    for argument in &method.sig.inputs {
        match argument {
            FnArg::Receiver(receiver) if receiver.to_token_stream().to_string().contains('&') => {
                borrowed.push("self".to_owned());
            }
            FnArg::Typed(typed) => {
                if let (Pat::Ident(name), Type::Reference(reference)) = (&*typed.pat, &*typed.ty)
                    && is_named(&reference.elem, "Context")
                {
                    borrowed.push(name.ident.to_string());
                }
            }
            FnArg::Receiver(_) => {}
        }
    }
    let mut bound = Bound(Vec::new());
    bound.visit_block_mut(&mut method.block);
    let ctx = borrowed.iter().find(|name| *name != "self").cloned();
    borrowed.retain(|name| !bound.0.contains(name));
    Look { borrowed, ctx, errors }.visit_block_mut(&mut method.block);
}

/// The names that patterns bind.
struct Bound(Vec<String>);

impl VisitMut for Bound {
    fn visit_pat_ident_mut(&mut self, pattern: &mut PatIdent) {
        self.0.push(pattern.ident.to_string());
        visit_mut::visit_pat_ident_mut(self, pattern);
    }
}

struct Look<'e> {
    borrowed: Vec<String>,
    /// The argument that is the context.
    ctx: Option<String>,
    errors: &'e mut Errors,
}

impl VisitMut for Look<'_> {
    fn visit_expr_call_mut(&mut self, call: &mut ExprCall) {
        if let (Expr::Path(path), Some(work)) = (&*call.func, call.args.first())
            && starts_task(&path.path)
        {
            self.report(work);
        }
        visit_mut::visit_expr_call_mut(self, call);
    }

    fn visit_expr_method_call_mut(&mut self, call: &mut ExprMethodCall) {
        let receiver = call.receiver.to_token_stream();
        let is_ctx = self.ctx.as_ref().is_some_and(|ctx| *ctx == receiver.to_string());
        let starts = match call.method.to_string().as_str() {
            "spawn" => is_ctx || find(receiver, "tasks").is_some(),
            "spawn_background" => find(receiver, "tasks").is_some(),
            "run_to_end" => is_ctx,
            _ => false,
        };
        if starts && let Some(work) = call.args.first() {
            self.report(work);
        }
        visit_mut::visit_expr_method_call_mut(self, call);
    }
}

impl Look<'_> {
    /// Of a future or closure that is written down right there.
    fn report(&mut self, work: &Expr) {
        if !matches!(work, Expr::Async(_) | Expr::Closure(_)) {
            return;
        }
        for name in &self.borrowed {
            let Some(at) = find(work.to_token_stream(), name) else { continue };
            match name.as_str() {
                "self" => self.errors.at(
                    &at,
                    "a task may outlive the call, which `self` is borrowed from: clone what the task needs before it \
                     (`let db = self.db.clone();`), or take `self: &Arc<Self>` and hand on `Arc::clone(self)`",
                ),
                name => self.errors.at(
                    &at,
                    format_args!(
                        "a task may outlive the call, which `{name}` is borrowed from: write `{name}.spawn(|{name}| async \
                         move {{ .. }})`, or clone it before the task, `let {name} = {name}.clone();`"
                    ),
                ),
            }
        }
    }
}

/// `tokio::spawn`, `tokio::task::spawn_blocking`, `std::thread::spawn` and the like.
fn starts_task(path: &Path) -> bool {
    let mut names = path.segments.iter().rev().map(|segment| segment.ident.to_string());
    let function = names.next().unwrap_or_default();
    let from = names.next().unwrap_or_default();
    matches!(
        (from.as_str(), function.as_str()),
        ("tokio" | "task", "spawn" | "spawn_blocking" | "spawn_local") | ("thread", "spawn")
    )
}

/// Where a name stands in tokens.
fn find(tokens: TokenStream, name: &str) -> Option<Ident> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == name => Some(ident),
        TokenTree::Group(group) => find(group.stream(), name),
        _ => None,
    })
}
