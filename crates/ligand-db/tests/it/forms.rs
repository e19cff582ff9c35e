//! Texts, numbers and lists in other types than `String`, `u32` and `Vec`: asked like those.

use std::{
    borrow::Cow,
    collections::{LinkedList, VecDeque},
    num::NonZeroU32,
    sync::Arc,
};

use ligand::entity;
use ligand_db::{Changes, Db};

#[entity(table = "shelves")]
#[derive(Default)]
pub(crate) struct Shelf {
    id: String,
    name: Cow<'static, str>,
    place: Box<str>,
    note: Option<Arc<str>>,
    room: Option<NonZeroU32>,
    queue: VecDeque<String>,
    linked: LinkedList<u8>,
    boxed: Box<[String]>,
}

fn shelf(id: &str, name: &'static str, room: u32) -> Shelf {
    Shelf {
        id: id.into(),
        name: name.into(),
        place: format!("place of {name}").into(),
        note: Some(format!("note {id}").into()),
        room: NonZeroU32::new(room),
        queue: [name.to_owned()].into(),
        linked: [7, 8].into(),
        boxed: [id.to_owned()].into(),
    }
}

pub(crate) async fn other_forms_of_texts_numbers_and_lists_are_asked(db: Db<Shelf>) {
    let all = [shelf("1", "poems", 0), shelf("2", "prose", 3), shelf("3", "maps", 9)];
    db.insert_many(all.clone()).await.unwrap();
    assert_eq!(db.require("2").await.unwrap(), all[1]);
    let three = NonZeroU32::new(3).unwrap();
    for (filter, ids) in [
        (Shelf::NAME.eq("maps"), "3"),
        (Shelf::NAME.gt("maps"), "12"),
        (Shelf::NAME.contains("P"), "123"),
        (Shelf::PLACE.eq("place of prose"), "2"),
        (Shelf::PLACE.lt("place of n"), "3"),
        (Shelf::NOTE.eq("note 1"), "1"),
        (Shelf::NOTE.contains("note 3"), "3"),
        (Shelf::ROOM.gte(three), "23"),
        (Shelf::ROOM.is_null(), "1"),
        (Shelf::QUEUE.has("poems"), "1"),
        (Shelf::LINKED.has(8), "123"),
        (Shelf::BOXED.has("2"), "2"),
    ] {
        let text = format!("{filter:?}");
        let found = db.find(filter.sort(Shelf::ID.asc())).await.unwrap();
        assert_eq!(found.iter().map(|shelf| shelf.id.as_str()).collect::<String>(), ids, "{text}");
    }
    let changes = Changes::new().set(Shelf::NAME, "atlases").set(Shelf::NOTE, "large");
    let changed = db.update("3", changes).await.unwrap();
    assert_eq!((&*changed.name, changed.note.as_deref()), ("atlases", Some("large")));
}
