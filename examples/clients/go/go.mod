module github.com/fronttcp/fronttcp/examples/clients/go

go 1.21
