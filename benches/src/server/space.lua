local name, id = ...
local space = box.space[name]
if space == nil then
    if box.space[id] ~= nil then id = nil end
    space = box.schema.space.create(name, {id = id})
    space:create_index('primary', {type = 'TREE', parts = {1, 'unsigned'}})
end
return space.id
