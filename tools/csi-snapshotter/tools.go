//go:build tools

// Package tools pins the snapshot controller and the CSI snapshotter, so that go.sum covers everything they are built from.
package tools

import (
	_ "github.com/kubernetes-csi/external-snapshotter/v8/cmd/csi-snapshotter"
	_ "github.com/kubernetes-csi/external-snapshotter/v8/cmd/snapshot-controller"
)
