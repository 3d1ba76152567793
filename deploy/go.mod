module github.com/monsplit/monsplit/deploy

go 1.26.0

replace github.com/monsplit/monsplit => ../
