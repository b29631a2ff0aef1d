module skyferry-plugin-add-attribute

go 1.24
