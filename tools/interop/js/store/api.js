// The gateway.
"use strict";

module.exports = ({ installed, secret, port }) => {
	const ApiGateway = installed("moleculer-web");
	const jwt = installed("jsonwebtoken");
	const { UnAuthorizedError, ForbiddenError, ERR_NO_TOKEN, ERR_INVALID_TOKEN } = ApiGateway.Errors;

	return {
		name: "api",
		mixins: [ApiGateway],
		dependencies: ["users", "products", "orders", "payments", "notifications"],
		settings: {
			port,
			ip: "127.0.0.1",
			logRouteRegistration: null,
			debounceTime: 20,
			routes: [
				{
					path: "/api/public",
					whitelist: ["users.register", "users.login", "products.*"],
					aliases: {
						"POST /register": "users.register",
						"POST /login": "users.login",
						"GET /products": "products.list",
						"GET /products/find": "products.find",
						"GET /products/count": "products.count",
						"GET /products/cheapest": "products.cheapest",
						"GET /products/:id": "products.get",
						"GET /products/:id/reserve": "products.reserve",
						"GET /users": "users.list"
					},
					cors: { origin: ["http://shop.example", "http://*.shop.example"], credentials: true, maxAge: 600 }
				},
				{
					path: "/api",
					authentication: true,
					whitelist: ["users.me", "products.*", "orders.*", "payments.*", "notifications.my"],
					aliases: {
						"REST /products": { action: "products", only: ["get", "create", "update", "remove"] },
						"GET /orders/:id": "orders.get",
						"DELETE /orders/:id": "orders.remove"
					},
					autoAliases: true,
					onBeforeCall(ctx, route, req) {
						ctx.meta.agent = req.headers["user-agent"];
					},
					onAfterCall(ctx, route, req, res, data) {
						if (ctx.meta.paymentId) res.setHeader("X-Payment", "1");
						return data;
					}
				},
				{
					path: "/admin",
					authentication: true,
					authorization: true,
					mappingPolicy: "all",
					whitelist: ["users.*", "orders.list", "notifications.*", "products.insert"],
					blacklist: ["**.find"],
					mergeParams: true,
					onError(req, res, err) {
						res.setHeader("Content-Type", "application/json; charset=utf-8");
						res.writeHead(err.code || 500);
						res.end(JSON.stringify({ error: err.message, code: err.code, type: err.type }));
					}
				}
			]
		},
		methods: {
			async authenticate(ctx, route, req) {
				const header = req.headers.authorization;
				if (!header || !header.startsWith("Bearer ")) throw new UnAuthorizedError(ERR_NO_TOKEN);
				try {
					return jwt.verify(header.slice(7), secret);
				} catch (error) {
					throw new UnAuthorizedError(ERR_INVALID_TOKEN);
				}
			},
			async authorize(ctx) {
				if (ctx.meta.user.role !== "admin") throw new ForbiddenError("ADMIN_ONLY");
			}
		}
	};
};
