"""Official clients of another language against the embedded server."""

import asyncio
import sys

import asynctnt
import asynctnt.exceptions
import tarantool

host, port = sys.argv[1].rsplit(":", 1)
port = int(port)


def same(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found!r}, not {wanted!r}")
    print(f"  {what}: {found!r}")


def refused(what, code, call, *arguments):
    try:
        call(*arguments)
    except tarantool.error.DatabaseError as error:
        # A failed login wraps the server's error in another one.
        while isinstance(error.args[0], tarantool.error.DatabaseError):
            error = error.args[0]
        same(what, error.args[0], code)
    else:
        sys.exit(f"{what} was not refused")


def synchronous():
    print(f"tarantool {tarantool.__version__}")
    refused(
        "wrong password",
        47,
        lambda: tarantool.Connection(host, port, user="app", password="guess"),
    )
    connection = tarantool.Connection(host, port, user="app", password="secret")
    users = connection.space("users")
    same("ping", connection.ping() > 0, True)
    same("insert", users.insert((1, "Ann", 30)).data, [[1, "Ann", 30]])
    same("replace", users.replace((2, "Bob", 17)).data, [[2, "Bob", 17]])
    refused("a second user 1", 3, users.insert, (1, "Eve", 1))
    refused("a name that is no text", 23, users.insert, (9, 9, 9))
    same("update", users.update(1, [("+", 2, 1)]).data, [[1, "Ann", 31]])
    users.upsert((3, "Cid", 52), [("+", 2, 1)])
    same("select by index", users.select("Cid", index="name").data, [[3, "Cid", 52]])
    grown_up = users.select(18, index="age", iterator=5).data
    same("select by range", grown_up, [[1, "Ann", 31], [3, "Cid", 52]])
    same("select with limit", users.select(limit=1, offset=1).data, [[2, "Bob", 17]])
    same("call", connection.call("sum", 40, 2).data, [42])
    refused("eval", 5, connection.eval, "return 1")
    same("delete", users.delete(2).data, [[2, "Bob", 17]])
    same("rest", users.select().data, [[1, "Ann", 31], [3, "Cid", 52]])
    connection.close()


async def asynchronous():
    print(f"asynctnt {asynctnt.__version__}")
    connection = asynctnt.Connection(host=host, port=port, username="app", password="secret")
    await connection.connect()
    rows = await asyncio.gather(
        *(connection.insert("users", [id, f"user {id}", id % 50]) for id in range(100, 300))
    )
    same("inserts at once", [row.body[0][0] for row in rows], list(range(100, 300)))
    found = await connection.select("users", [150])
    same("select", [list(row) for row in found.body], [[150, "user 150", 0]])
    same("field by name", found.body[0]["name"], "user 150")
    found = await connection.update("users", [150], [("=", "name", "new")])
    same("update by name", list(found.body[0]), [150, "new", 0])
    found = await connection.call("sum", [1, 2])
    same("call", found.body, [3])
    try:
        await connection.insert("users", [150, "x", 1])
        sys.exit("a second user 150 was not refused")
    except asynctnt.exceptions.TarantoolDatabaseError as error:
        same("a second user 150", error.code, 3)
    stream = connection.stream()
    await stream.begin()
    await stream.delete("users", [150])
    same("seen outside", len((await connection.select("users", [150])).body), 1)
    await stream.commit()
    same("after the commit", len((await connection.select("users", [150])).body), 0)
    await connection.disconnect()


synchronous()
asyncio.run(asynchronous())
print("both work")
