//go:build tools

// Package tools pins the CSI provisioner, so that go.sum covers everything it is built from.
package tools

import _ "github.com/kubernetes-csi/external-provisioner/v5/cmd/csi-provisioner"
