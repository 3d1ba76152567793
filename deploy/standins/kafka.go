package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/monsplit/monsplit/internal/testkit/kafkajars"
)

func prepareKafka(ctx context.Context, _ string, progress func(string)) (ingredients, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ingredients{}, fmt.Errorf("find the cache folder: %w", err)
	}
	jars, err := kafkajars.Folder(ctx, filepath.Join(cache, "monsplit"), progress)
	if err != nil {
		return ingredients{}, err
	}
	return ingredients{
		madeOf:  "Apache Kafka " + kafkajars.Version + " of Maven Central, with OpenJDK 17 of Debian bookworm",
		version: kafkajars.Version,
		add:     func(c *buildContext) error { return c.folder("libs", jars) },
	}, nil
}
