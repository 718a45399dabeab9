local fiber = require('fiber')
box.space.tarantool_bench:truncate()
local used, quiet = box.slab.info().items_used, 0
while quiet < 3 do
    fiber.sleep(0.01)
    local now = box.slab.info().items_used
    quiet = used - now < 1000000 and quiet + 1 or 0
    used = now
end
return box.space.tarantool_bench:len()
