// Renders a chart as `helm template` of Helm 3 does, with what Helm itself is made of: Go's text/template, sprig and
// go-yaml. What Helm adds to these is here, after its pkg/engine and pkg/chartutil: include, tpl, required, lookup,
// toYaml and its kin, .Files, .Capabilities, .Release, .Chart and .Template.
//
// It reads one JSON object on stdin and writes one on stdout:
//
//	{"chart": "charts/plumbline", "values": [{...}, ...], "release": "plumbline", "namespace": "plumbline",
//	 "kubeVersion": "v1.34.0", "apiVersions": ["monitoring.coreos.com/v1"], "strict": false}
//	{"files": {"plumbline/templates/x.yaml": "..."}, "values": {...}} or {"error": "execution error at ..."}
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"text/template"
)

type request struct {
	Chart       string                   `json:"chart"`
	Values      []map[string]interface{} `json:"values"`
	Release     string                   `json:"release"`
	Namespace   string                   `json:"namespace"`
	KubeVersion string                   `json:"kubeVersion"`
	APIVersions []string                 `json:"apiVersions"`
	// A key that is asked for and is not there is an error. Helm makes nothing of it.
	Strict bool `json:"strict"`
}

type answer struct {
	Files  map[string]string      `json:"files,omitempty"`
	Values map[string]interface{} `json:"values,omitempty"`
	Error  string                 `json:"error,omitempty"`
}

func main() {
	var asked request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fmt.Fprintf(os.Stderr, "render: stdin is no request: %v\n", err)
		os.Exit(2)
	}
	rendered, err := render(asked)
	if err != nil {
		rendered = answer{Error: cleanError(err)}
	}
	if err := json.NewEncoder(os.Stdout).Encode(rendered); err != nil {
		fmt.Fprintf(os.Stderr, "render: %v\n", err)
		os.Exit(2)
	}
}

func render(asked request) (answer, error) {
	loaded, err := loadChart(asked.Chart)
	if err != nil {
		return answer{}, err
	}
	values := loaded.values
	for _, given := range asked.Values {
		values = mergeValues(values, given)
	}
	parts := map[string]interface{}{
		"Values":       values,
		"Chart":        loaded.metadata,
		"Files":        loaded.files,
		"Capabilities": capabilitiesOf(asked),
		"Release": map[string]interface{}{
			"Name": asked.Release, "Namespace": asked.Namespace, "Service": "Helm",
			"IsInstall": true, "IsUpgrade": false, "Revision": 1,
		},
		"Subcharts": map[string]interface{}{},
	}
	files, err := execute(loaded, parts, asked.Strict)
	return answer{Files: files, Values: values}, err
}

// execute renders every template but those whose names begin with `_`.
func execute(loaded chart, parts map[string]interface{}, strict bool) (map[string]string, error) {
	all := template.New("gotpl").Option("missingkey=zero")
	if strict {
		all.Option("missingkey=error")
	}
	all.Funcs(functionsFor(all, strict))
	names := make([]string, 0, len(loaded.templates))
	for name := range loaded.templates {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if _, err := all.New(name).Parse(loaded.templates[name]); err != nil {
			return nil, fmt.Errorf("parse error at (%s): %w", name, err)
		}
	}
	rendered := map[string]string{}
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		scope := map[string]interface{}{
			"Template": map[string]interface{}{"Name": name, "BasePath": path.Join(loaded.metadata.Name, "templates")},
		}
		for key, value := range parts {
			scope[key] = value
		}
		var text strings.Builder
		if err := all.ExecuteTemplate(&text, name, scope); err != nil {
			return nil, err
		}
		rendered[name] = strings.ReplaceAll(text.String(), "<no value>", "")
	}
	return rendered, nil
}

type chart struct {
	metadata  metadata
	values    map[string]interface{}
	templates map[string]string
	files     files
}

// metadata is Chart.yaml as templates see it: a field that Helm does not know is an error.
type metadata struct {
	Name        string
	Home        string
	Sources     []string
	Version     string
	Description string
	Keywords    []string
	Maintainers []map[string]interface{}
	Icon        string
	APIVersion  string
	AppVersion  string
	Deprecated  bool
	Annotations map[string]string
	KubeVersion string
	Type        string
	IsRoot      bool
}

// loadChart reads a chart's folder. What is neither template nor one of Helm's own files is in .Files.
func loadChart(folder string) (chart, error) {
	loaded := chart{metadata: metadata{IsRoot: true}, templates: map[string]string{}, files: files{}}
	texts := files{}
	err := filepath.Walk(folder, func(file string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, file)
		if err != nil {
			return err
		}
		texts[filepath.ToSlash(name)], err = os.ReadFile(file)
		return err
	})
	if err != nil {
		return loaded, err
	}
	if err := unmarshalStrict(texts["Chart.yaml"], &loaded.metadata); err != nil {
		return loaded, fmt.Errorf("Chart.yaml: %w", err)
	}
	if err := unmarshal(texts["values.yaml"], &loaded.values); err != nil {
		return loaded, fmt.Errorf("values.yaml: %w", err)
	}
	for name, text := range texts {
		switch {
		case strings.HasPrefix(name, "templates/"):
			loaded.templates[path.Join(loaded.metadata.Name, name)] = string(text)
		case name != "Chart.yaml" && name != "values.yaml" && name != "values.schema.json":
			loaded.files[name] = text
		}
	}
	return loaded, nil
}

// mergeValues lays given values over others, key by key; null takes a key away.
func mergeValues(under, over map[string]interface{}) map[string]interface{} {
	merged := map[string]interface{}{}
	for key, value := range under {
		merged[key] = value
	}
	for key, value := range over {
		below, isMap := merged[key].(map[string]interface{})
		above, isMapToo := value.(map[string]interface{})
		switch {
		case value == nil:
			delete(merged, key)
		case isMap && isMapToo:
			merged[key] = mergeValues(below, above)
		default:
			merged[key] = value
		}
	}
	return merged
}

// told marks what `fail` and `required` say within Go's own words around it.
var told = regexp.MustCompile(`(?s)CHART_SAYS(.*)CHART_SAID`)

func tell(message string) error { return errors.New("CHART_SAYS" + message + "CHART_SAID") }

// cleanError words an error as Helm does: of `fail` and `required` the first place and the message alone.
func cleanError(err error) string {
	parts := strings.SplitN(err.Error(), ": ", 3)
	if len(parts) < 3 {
		return err.Error()
	}
	if said := told.FindStringSubmatch(parts[2]); said != nil {
		return fmt.Sprintf("execution error at (%s): %s", parts[1], said[1])
	}
	return err.Error()
}
