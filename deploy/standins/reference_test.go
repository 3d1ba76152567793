package main

import "testing"

func TestParse(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]reference{
		"postgres:17.11":                    {repository: "postgres", version: "17.11"},
		"apache/kafka:4.1.1":                {repository: "apache/kafka", version: "4.1.1"},
		"docker.io/library/nginx:1.28.0":    {repository: "nginx", version: "1.28.0"},
		"localhost:5000/library/nginx:1.28": {repository: "localhost:5000/library/nginx", version: "1.28"},
	} {
		want.image = image
		if got, err := parse(image); err != nil || got != want {
			t.Errorf("parse(%q) = %+v, %v; want %+v", image, got, err, want)
		}
	}
}
