package table

import "github.com/svcmark/svcmark/backends"

// Identities number the ServicePorts where clients may stay at an endpoint. A
// ServicePort keeps its number for as long as the Backend lives, and so its clients
// their endpoints.
type Identities map[backends.Key]uint32

func (ids *Identities) of(key backends.Key) uint32 {
	if *ids == nil {
		*ids = Identities{}
	}
	id, ok := (*ids)[key]
	if !ok {
		id = uint32(len(*ids) + 1)
		(*ids)[key] = id
	}
	return id
}
