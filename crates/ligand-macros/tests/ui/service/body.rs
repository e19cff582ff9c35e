#![allow(unused)]

use ligand::prelude::*;

struct Files;

#[service(name = "files")]
impl Files {
    #[action(rest = "PUT /:id", body(raw, field = "image", types("image/*"), limit = "5mb"))]
    async fn fine(&self, id: u64, image: ligand::Binary) {}

    #[action(rest = "POST /hook", body = raw)]
    async fn whole(&self, params: ligand::Binary) {}

    #[action(rest = "POST /", body(multipart, files = 1, file_limit = "5mb", fields = 3, without_file))]
    async fn multipart(&self, ctx: &Context) {}

    #[action(rest = "PUT /", body = stream)]
    async fn stream(&self, ctx: &Context) {}

    #[action(body(stream, files = 1))]
    async fn files_of_a_stream(&self, ctx: &Context) {}

    #[action(body(multipart, field = "file"))]
    async fn field_of_an_upload(&self, ctx: &Context) {}

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
