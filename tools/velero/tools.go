//go:build tools

// Package tools pins Velero, the peer of the compatibility tests and benchmarks; it is never shipped with Lifeboat.
package tools

import _ "github.com/vmware-tanzu/velero/cmd/velero"
