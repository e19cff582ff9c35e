//! Behaviour of the database mixin, through brokers and through handles.

mod actions;
mod entities;
