#![allow(unused)]

use ligand::prelude::*;

struct Files;

#[service(name = "files")]
impl Files {
    #[action(rest = "PUT /:id", body(raw, field = "image", types("image/*"), limit = "5mb"))]
    async fn fine(&self, id: u64, image: ligand::Binary) {}

    #[action(rest = "POST /hook", body = raw)]
    async fn whole(&self, params: ligand::Binary) {}

    #[action(body = multipart)]
    async fn multipart(&self, params: ligand::Binary) {}

    #[action(body(stream))]
    async fn stream(&self, body: ligand::Binary) {}

    #[action(body = json)]
    async fn json(&self, body: String) {}

    #[action(body = xml)]
    async fn xml(&self, body: String) {}

    #[action(body = "raw")]
    async fn quoted(&self, body: String) {}

    #[action(body(raw, text, limits = 5))]
    async fn twice(&self, body: String) {}

    #[action(body = raw)]
    async fn no_place(&self) {}

    #[action(body = text)]
    async fn other_name(&self, page: String) {}

    #[action(rest("GET /x", "POST /x"), body = text)]
    async fn no_body(&self, body: String) {}
}

fn main() {}
