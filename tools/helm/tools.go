//go:build tools

// Package tools pins Helm, with which tests render the chart.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
