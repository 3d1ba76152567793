package catalog

import (
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// Config is the catalog's configuration. A setting that only the catalog has is a field beside the common part.
type Config struct{ config.Common }

// Defaults holds the defaults that differ from those of other services.
func Defaults() Config {
	return Config{config.Common{HTTP: httpserver.Settings{Addr: ":8001"}}}
}

// LoadConfig reads the catalog's settings from the environment. The error lists every fault of the
// variables that are needed.
func LoadConfig(needs config.Needs) (Config, error) { return config.Load(Defaults(), needs) }
