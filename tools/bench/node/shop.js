"use strict";

// The shop's `GET /api/product/:id` on Moleculer: gateway with bearer JWT,
// product service with the memory cacher, SQLite behind it. One process.

const crypto = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const jwt = require("jsonwebtoken");
const { ServiceBroker, Errors } = require("moleculer");
const ApiGateway = require("moleculer-web");

// `node:sqlite` announces itself as experimental on stderr; nothing else is
// filtered.
const emitWarning = process.emitWarning;
process.emitWarning = (warning, ...rest) => {
	if (!/SQLite is an experimental feature/.test(String(warning))) {
		emitWarning.call(process, warning, ...rest);
	}
};
const { DatabaseSync } = require("node:sqlite");
process.emitWarning = emitWarning;

const { UnAuthorizedError, ERR_NO_TOKEN, ERR_INVALID_TOKEN } = ApiGateway.Errors;

class EntityNotFoundError extends Errors.MoleculerClientError {
	constructor(id) {
		super("Entity not found", 404, null, { id });
	}
}

function openStore(file) {
	const db = new DatabaseSync(file);
	db.exec(`
		PRAGMA journal_mode = WAL;
		CREATE TABLE IF NOT EXISTS product (
			_id TEXT PRIMARY KEY,
			name TEXT NOT NULL,
			description TEXT,
			price REAL NOT NULL CHECK (price >= 0),
			stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0),
			category TEXT NOT NULL DEFAULT 'general',
			isActive INTEGER NOT NULL DEFAULT 1,
			createdAt TEXT NOT NULL,
			updatedAt TEXT NOT NULL,
			__v INTEGER NOT NULL DEFAULT 0
		) STRICT;
	`);
	const insert = db.prepare(
		`INSERT INTO product
			(_id, name, description, price, stock, category, isActive, createdAt, updatedAt)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	);
	const byId = db.prepare("SELECT * FROM product WHERE _id = ?");
	return {
		insert(p) {
			insert.run(
				p._id,
				p.name,
				p.description,
				p.price,
				p.stock,
				p.category,
				p.isActive ? 1 : 0,
				p.createdAt,
				p.updatedAt
			);
		},
		findById(id) {
			const row = byId.get(id);
			return row === undefined ? null : { ...row, isActive: row.isActive === 1 };
		},
		close: () => db.close()
	};
}

/** The one product in the store. */
function sampleProduct() {
	const now = new Date().toISOString();
	return {
		_id: crypto.randomBytes(12).toString("hex"),
		name: "Mechanical Keyboard",
		description: "RGB mechanical keyboard with Cherry MX switches",
		price: 2999,
		stock: 50,
		category: "electronics",
		isActive: true,
		createdAt: now,
		updatedAt: now
	};
}

/**
 * Starts the shop on a free port of 127.0.0.1 and resolves once the product
 * route answers.
 */
async function startShop() {
	const secret = crypto.randomBytes(32).toString("hex");
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), "ligand-bench-node-"));
	const store = openStore(path.join(folder, "shop.db"));
	const product = sampleProduct();
	store.insert(product);

	const broker = new ServiceBroker({
		logger: false,
		cacher: "Memory",
		// The caller of this function decides when the process ends.
		skipProcessEventRegistration: true
	});

	broker.createService({
		name: "product",
		settings: {
			// `__v` stays inside.
			fields: [
				"_id",
				"name",
				"description",
				"price",
				"stock",
				"category",
				"isActive",
				"createdAt",
				"updatedAt"
			]
		},
		actions: {
			get: {
				rest: "GET /:id",
				cache: { keys: ["id"] },
				params: { id: "string" },
				handler(ctx) {
					const row = store.findById(ctx.params.id);
					if (row === null) throw new EntityNotFoundError(ctx.params.id);
					return this.visible(row);
				}
			}
		},
		methods: {
			visible(row) {
				const res = {};
				for (const field of this.settings.fields) res[field] = row[field];
				return res;
			}
		}
	});

	const gateway = broker.createService({
		name: "api",
		mixins: [ApiGateway],
		settings: {
			port: 0,
			ip: "127.0.0.1",
			routes: [
				{
					path: "/api",
					// `--public` serves the catalogue without a token, as the shop does.
					authorization: !process.argv.includes("--public"),
					autoAliases: true,
					bodyParsers: { json: true }
				}
			]
		},
		methods: {
			async authorize(ctx, route, req) {
				const header = req.headers.authorization;
				if (!header || !header.startsWith("Bearer ")) {
					throw new UnAuthorizedError(ERR_NO_TOKEN);
				}
				try {
					ctx.meta.user = jwt.verify(header.slice(7), secret, {
						algorithms: ["HS256"]
					});
				} catch {
					throw new UnAuthorizedError(ERR_INVALID_TOKEN);
				}
			}
		}
	});

	await broker.start();
	await waitForRoute(gateway, "product.get");

	const token = jwt.sign(
		{ id: "1", email: "rahul@example.com", role: "user" },
		secret,
		{ algorithm: "HS256", expiresIn: "24h" }
	);

	return {
		port: gateway.server.address().port,
		path: `/api/product/${product._id}`,
		token,
		async stop() {
			// Idle keep-alive connections would hold the gateway's stop back.
			gateway.server.closeAllConnections();
			await broker.stop();
			store.close();
			fs.rmSync(folder, { recursive: true, force: true });
		}
	};
}

/** Auto aliases are made some time (500 ms by default) after the start. */
async function waitForRoute(gateway, action) {
	const deadline = Date.now() + 10_000;
	while (!gateway.aliases.some(alias => alias.action === action)) {
		if (Date.now() > deadline) throw new Error(`no route for ${action}`);
		await new Promise(resolve => setTimeout(resolve, 10));
	}
}

module.exports = { startShop };
