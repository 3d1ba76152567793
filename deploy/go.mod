module github.com/monsplit/monsplit/deploy

go 1.26.0

replace github.com/monsplit/monsplit => ../

require (
	github.com/monsplit/monsplit v0.0.0-00010101000000-000000000000
	github.com/xi2/xz v0.0.0-20171230120015-48954b6210f8
	go.yaml.in/yaml/v3 v3.0.6
)
