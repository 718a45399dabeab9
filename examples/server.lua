-- The server of the programs in the README and in the guide.
-- In a folder for its files: `tarantool -i server.lua`, and again after its end: what is there stays.

local major, minor = _TARANTOOL:match('^(%d+)%.(%d+)')
local has_transactions = major * 100 + minor >= 210
if type(box.cfg) == 'function' then
    box.cfg{
        listen = os.getenv('LISTEN') or '127.0.0.1:3301',
        memtx_use_mvcc_engine = has_transactions or nil,
    }
end

local there = {if_not_exists = true}
box.schema.user.create('app', {password = 'secret', if_not_exists = true})
box.schema.user.grant('app', 'super', nil, nil, there)
box.schema.user.create('replicator', {password = 'secret', if_not_exists = true})
box.schema.user.grant('replicator', 'replication', nil, nil, there)

local function space(name, format, indexes)
    local space = box.schema.space.create(name, {format = format, if_not_exists = true})
    for _, index in ipairs(indexes) do
        index.if_not_exists = true
        space:create_index(index.name, index)
    end
end

space('users', {{'id', 'unsigned'}, {'name', 'string'}, {'age', 'unsigned'}},
    {{name = 'primary', parts = {'id'}}, {name = 'age', parts = {'age'}, unique = false}})
space('log', {{'id', 'unsigned'}, {'text', 'string'}},
    {{name = 'primary', parts = {'id'}, sequence = true}})
space('cities', {{'country', 'string'}, {'name', 'string'}, {'people', 'unsigned'},
    {'note', 'string', is_nullable = true}},
    {{name = 'primary', parts = {'country', 'name'}}, {name = 'people', parts = {'people'}, unique = false}})
space('orders', {{'id', 'unsigned'}, {'customer', 'string'}, {'cents', 'unsigned'}},
    {{name = 'primary', parts = {'id'}}, {name = 'customer', parts = {'customer', 'id'}}})

space('accounts', {{'id', 'unsigned'}, {'cents', 'integer'}}, {{name = 'primary', parts = {'id'}}})
space('visits', {{'id', 'unsigned'}, {'count', 'unsigned'}}, {{name = 'primary', parts = {'id'}}})

function total_age()
    local years = 0
    for _, user in box.space.users:pairs() do years = years + user.age end
    return years
end

function sum(a, b) return a + b end
function range(day) return day.from, day.to end
function reset() end
function rebuild() end
function count() return box.space.users:len() end
function slow() require('fiber').sleep(0.1) end
function exchange_rate(from, to) return from == to and 1 or 1.1 end
function everything() return {{'users', count()}, {'log', box.space.log:len()}} end

function import(file)
    for rows = 1, 3 do box.session.push(rows) end
    return file .. ': 3 rows'
end

function find_user(name)
    for _, user in box.space.users:pairs() do
        if user.name == name then return user.id end
    end
    return nil, 'no user ' .. name
end
