box.cfg{
    listen = '127.0.0.1:0',
    wal_mode = 'none',
    memtx_memory = 4096 * 1024 * 1024,
    memtx_max_tuple_size = 2 * 1024 * 1024,
    checkpoint_interval = 0,
    log = 'server.log',
}

-- Outliving the benchmark, however it ended, would spoil the next one.
require('fiber').create(function()
    require('socket').iowait(0, 'R')
    os.exit(0)
end)

box.schema.user.grant('guest', 'super')

io.stdout:write(box.info.listen, '\n')
io.stdout:flush()
