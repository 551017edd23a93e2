# Two databases, and for each two users that can do nothing outside of it: one that serves, and one that changes the
# schema. Sourced by the entrypoint on the first start.
for name in auth books; do
	password=$(<"/run/secrets/mysql/$name-password")
	migrate_password=$(<"/run/secrets/mysql/$name-migrate-password")
	docker_process_sql <<-SQL
		CREATE DATABASE $name CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
		CREATE USER '$name'@'%' IDENTIFIED BY '$password' REQUIRE SSL;
		GRANT SELECT, INSERT, UPDATE, DELETE ON $name.* TO '$name'@'%';
		CREATE USER '${name}_migrate'@'%' IDENTIFIED BY '$migrate_password' REQUIRE SSL;
		GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES
			ON $name.* TO '${name}_migrate'@'%';
	SQL
done
