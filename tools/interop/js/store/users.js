// Users: registration, log-in, who asks.
"use strict";

module.exports = ({ installed, Errors, database, secret }) => {
	const bcrypt = installed("bcryptjs");
	const jwt = installed("jsonwebtoken");
	const { MoleculerClientError } = Errors;

	return {
		name: "users",
		...database("users"),
		settings: {
			rest: "/users",
			fields: ["_id", "name", "email", "role", "createdAt"]
		},
		actions: {
			create: { visibility: "private" },
			insert: { visibility: "private" },
			register: {
				params: {
					name: { type: "string", min: 2, max: 64, trim: true },
					email: { type: "email", normalize: true },
					password: { type: "string", min: 6, max: 128 }
				},
				async handler(ctx) {
					const { name, email, password } = ctx.params;
					if (await this.adapter.findOne({ email })) {
						throw new MoleculerClientError("Email already registered", 422, "EMAIL_EXISTS", { email });
					}
					const user = await this._create(ctx, {
						name,
						email,
						password: await bcrypt.hash(password, 4),
						role: email.startsWith("admin@") ? "admin" : "user",
						createdAt: Date.now()
					});
					await ctx.emit("user.registered", { id: user._id, name, email });
					return user;
				}
			},
			login: {
				params: {
					email: { type: "email", normalize: true },
					password: { type: "string", min: 1, max: 128 }
				},
				async handler(ctx) {
					const { email, password } = ctx.params;
					const user = await this.adapter.findOne({ email });
					if (!user || !(await bcrypt.compare(password, user.password))) {
						throw new MoleculerClientError("Invalid email or password", 401, "INVALID_CREDENTIALS");
					}
					const { _id, name, role } = user;
					const token = jwt.sign({ id: _id, email, role }, secret, { expiresIn: "1d" });
					ctx.meta.$responseHeaders = { Authorization: `Bearer ${token}` };
					return { message: "Login successful", user: { id: _id, name, email, role } };
				}
			},
			me: {
				rest: "GET /me",
				handler(ctx) {
					return ctx.call("users.get", { id: ctx.meta.user.id });
				}
			}
		}
	};
};
