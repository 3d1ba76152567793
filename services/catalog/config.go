package catalog

import "github.com/monsplit/monsplit/internal/config"

// LoadConfig reads the catalog's settings from the environment. The error lists every fault of what is needed.
func LoadConfig(needs config.Needs) (config.Service, error) {
	return config.Load(config.Service{HTTPAddr: ":8001"}, needs)
}
