//! The same journeys in one process, and with a process for each service over every bus.

use crate::{
    journeys, load,
    spread::{Bus, Mail, open},
    support::Shop,
};

macro_rules! everywhere {
    ($($part:ident::$journey:ident)*) => {
        mod alone {
            use super::*;
            $(#[test] fn $journey() { $part::$journey(&Shop::start()); })*
        }
        mod tcp {
            use super::*;
            $(#[test] fn $journey() { $part::$journey(&open(Bus::Tcp, Mail::Rust).unwrap()); })*
        }
        mod nats {
            use super::*;
            $(#[test] fn $journey() { $part::$journey(&open(Bus::Nats, Mail::Rust).unwrap()); })*
        }
        mod redis {
            use super::*;
            $(#[test] fn $journey() { $part::$journey(&open(Bus::Redis, Mail::Rust).unwrap()); })*
        }
    };
}

everywhere! {
    journeys::from_the_first_look_to_an_order
    journeys::log_in_profile_and_the_administrator
    journeys::the_catalogue_is_cached_until_it_changes
    journeys::customers_get_one_mail_for_each_event
    load::fifty_pieces_are_sold_fifty_times
    load::a_cancelled_order_puts_its_pieces_back_once
    load::one_address_is_registered_once
}

/// The journeys in which mail is sent, with a Moleculer service for it.
fn with_moleculer(bus: Bus, mail: Mail) {
    for journey in
        [journeys::customers_get_one_mail_for_each_event, journeys::from_the_first_look_to_an_order]
    {
        let Some(shop) = open(bus, mail) else { return };
        journey(&shop);
        shop.soon(true, || shop.count("Order") > 0 && shop.count("moleculer e-mail sent") > 0);
    }
}

#[test]
fn moleculer_15_sends_the_mail_over_tcp() {
    with_moleculer(Bus::Tcp, Mail::Js15);
}

#[test]
fn moleculer_15_sends_the_mail_over_nats() {
    with_moleculer(Bus::Nats, Mail::Js15);
}

#[test]
fn moleculer_15_sends_the_mail_over_redis() {
    with_moleculer(Bus::Redis, Mail::Js15);
}

#[test]
fn moleculer_14_sends_the_mail_over_tcp() {
    with_moleculer(Bus::Tcp, Mail::Js14);
}

#[test]
fn moleculer_14_sends_the_mail_over_nats() {
    with_moleculer(Bus::Nats, Mail::Js14);
}

#[test]
fn moleculer_14_sends_the_mail_over_redis() {
    with_moleculer(Bus::Redis, Mail::Js14);
}
