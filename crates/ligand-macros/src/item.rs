//! Items as a user wrote them, also when a macro of the user's put them together.

use proc_macro2::TokenStream;
use syn::{
    DeriveInput, Type,
    visit_mut::{self, VisitMut},
};

/// Reads a struct or an enum. A type that came through a `$ty:ty` of a `macro_rules` stands in a group without
/// brackets, in which nobody would find an `Option`; it is taken out.
pub(crate) fn read(item: TokenStream) -> syn::Result<DeriveInput> {
    let mut input = syn::parse2::<DeriveInput>(item)?;
    Ungroup.visit_derive_input_mut(&mut input);
    Ok(input)
}

struct Ungroup;

impl VisitMut for Ungroup {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        while let Type::Group(group) = ty {
            // `&dyn A + B` would mean something else.
            if matches!(*group.elem, Type::TraitObject(_) | Type::ImplTrait(_)) {
                break;
            }
            *ty = (*group.elem).clone();
        }
        visit_mut::visit_type_mut(self, ty);
    }
}
