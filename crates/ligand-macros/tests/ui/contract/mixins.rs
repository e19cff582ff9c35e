#![allow(unused)]

use ligand::prelude::*;

struct NotAMixin;

#[contract(name = "users", mixins(NotAMixin))]
trait UsersApi {}

#[contract(name = "loans", without("remove"))]
trait LoansApi {}

#[contract(name = "books", mixins = NotAMixin)]
trait BooksApi {}

fn main() {}
