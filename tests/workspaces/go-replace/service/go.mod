module example.com/service

go 1.24.0

require example.com/lib v0.0.0

replace example.com/lib => ../lib
