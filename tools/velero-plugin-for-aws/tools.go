//go:build tools

// Package tools pins Velero's object-store plugin for S3, which the peer needs.
package tools

import _ "github.com/vmware-tanzu/velero-plugin-for-aws/velero-plugin-for-aws"
