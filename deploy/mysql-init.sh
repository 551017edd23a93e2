# Two databases, and for each a user that can do nothing outside of it. Sourced by the entrypoint on the first start.
for name in auth books; do
	password=$(<"/run/secrets/mysql/$name-password")
	docker_process_sql <<-SQL
		CREATE DATABASE $name CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
		CREATE USER '$name'@'%' IDENTIFIED BY '$password' REQUIRE SSL;
		GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON $name.* TO '$name'@'%';
	SQL
done
