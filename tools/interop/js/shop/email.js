// The `email` service of the shop as a Moleculer service: node email.js
"use strict";

const { start, out } = require("./node");

start({
	name: "email",
	actions: {
		send: {
			visibility: "public",
			params: {
				to: "email",
				subject: { type: "string", min: 1, max: 200 },
				body: { type: "string", min: 1, max: 10000 }
			},
			handler(ctx) {
				out(`moleculer e-mail sent subject="${ctx.params.subject}"\n`);
			}
		}
	}
});
