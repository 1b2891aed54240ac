package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"text/template"

	"github.com/Masterminds/semver"
	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v3"
)

// functionsFor is sprig's map without what reads the machine, and Helm's own functions.
func functionsFor(all *template.Template, strict bool) template.FuncMap {
	functions := sprig.TxtFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(functions, name)
	}
	depth := 0
	functions["include"] = func(name string, data interface{}) (string, error) {
		if depth++; depth > 1000 {
			return "", fmt.Errorf("unable to execute template: rendering template has a nested reference name: %s", name)
		}
		defer func() { depth-- }()
		var text strings.Builder
		err := all.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	functions["tpl"] = func(text string, data interface{}) (string, error) { return tpl(all, text, data, strict) }
	functions["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return value, tell(message)
		}
		return value, nil
	}
	functions["fail"] = func(message string) (string, error) { return "", tell(message) }
	// Nothing is installed: as under `helm template` and in tools that render without the cluster.
	functions["lookup"] = func(string, string, string, string) (map[string]interface{}, error) {
		return map[string]interface{}{}, nil
	}
	functions["toYaml"] = toYaml
	functions["fromYaml"] = func(text string) map[string]interface{} {
		value := map[string]interface{}{}
		if err := unmarshal([]byte(text), &value); err != nil {
			value["Error"] = err.Error()
		}
		return value
	}
	functions["fromYamlArray"] = func(text string) []interface{} {
		value := []interface{}{}
		if err := unmarshal([]byte(text), &value); err != nil {
			return []interface{}{err.Error()}
		}
		return value
	}
	functions["toJson"] = func(value interface{}) string {
		text, err := json.Marshal(value)
		if err != nil {
			return ""
		}
		return string(text)
	}
	functions["fromJson"] = func(text string) map[string]interface{} {
		value := map[string]interface{}{}
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			value["Error"] = err.Error()
		}
		return value
	}
	return functions
}

func tpl(all *template.Template, text string, data interface{}, strict bool) (string, error) {
	within, err := all.Clone()
	if err != nil {
		return "", fmt.Errorf("cannot clone template: %w", err)
	}
	within.Funcs(functionsFor(within, strict))
	parsed, err := within.New("tpl").Parse(text)
	if err != nil {
		return "", fmt.Errorf("cannot parse template %q: %w", text, err)
	}
	var rendered strings.Builder
	if err := parsed.Execute(&rendered, data); err != nil {
		return "", fmt.Errorf("error during tpl function execution for %q: %w", text, err)
	}
	return strings.ReplaceAll(rendered.String(), "<no value>", ""), nil
}

// toYaml goes by JSON, as sigs.k8s.io/yaml does; what cannot be written is nothing.
func toYaml(value interface{}) string {
	asJSON, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	var plain interface{}
	if err := yaml.Unmarshal(asJSON, &plain); err != nil {
		return ""
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(plain); err != nil {
		return ""
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// unmarshal goes by JSON too: numbers become float64, keys text.
func unmarshal(text []byte, into interface{}) error {
	asJSON, err := jsonOf(text)
	if err != nil {
		return err
	}
	return json.Unmarshal(asJSON, into)
}

func unmarshalStrict(text []byte, into interface{}) error {
	asJSON, err := jsonOf(text)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func jsonOf(text []byte) ([]byte, error) {
	var plain interface{}
	if err := yaml.Unmarshal(text, &plain); err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

// files is .Files: the chart's other files by their names.
type files map[string][]byte

// Get is empty where there is no such file.
func (all files) Get(name string) string { return string(all[name]) }

func (all files) GetBytes(name string) []byte { return all[name] }

func (all files) Lines(name string) []string {
	return strings.Split(strings.TrimSuffix(all.Get(name), "\n"), "\n")
}

func (all files) Glob(pattern string) files {
	matching := files{}
	for name, text := range all {
		if matches, err := path.Match(pattern, name); err == nil && matches {
			matching[name] = text
		}
	}
	return matching
}

// AsConfig is the `data` of a ConfigMap.
func (all files) AsConfig() string {
	texts := map[string]string{}
	for name, text := range all {
		texts[path.Base(name)] = string(text)
	}
	return toYaml(texts)
}

// AsSecrets is the `data` of a Secret.
func (all files) AsSecrets() string {
	texts := map[string]string{}
	for name, text := range all {
		texts[path.Base(name)] = base64.StdEncoding.EncodeToString(text)
	}
	return toYaml(texts)
}

type capabilities struct {
	KubeVersion kubeVersion
	APIVersions versionSet
	HelmVersion struct{ Version string }
}

type kubeVersion struct {
	Version string
	Major   string
	Minor   string
}

func (version kubeVersion) String() string { return version.Version }

// GitVersion is the older name of the same.
func (version kubeVersion) GitVersion() string { return version.Version }

type versionSet []string

func (all versionSet) Has(version string) bool {
	for _, known := range all {
		if known == version {
			return true
		}
	}
	return false
}

func capabilitiesOf(asked request) capabilities {
	told := capabilities{KubeVersion: kubeVersion{Version: asked.KubeVersion}, APIVersions: asked.APIVersions}
	told.HelmVersion.Version = "v3.19.0"
	if version, err := semver.NewVersion(asked.KubeVersion); err == nil {
		told.KubeVersion.Major = fmt.Sprint(version.Major())
		told.KubeVersion.Minor = fmt.Sprint(version.Minor())
	}
	return told
}
