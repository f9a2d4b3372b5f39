-- WordPress 6.7, wp-admin/includes/schema.php: the tables' published shape, with the types that other databases have for MySQL's.
CREATE TABLE wp_users (
    "ID" bigint NOT NULL PRIMARY KEY, user_login varchar(60) NOT NULL DEFAULT '', user_pass varchar(255) NOT NULL DEFAULT '', user_nicename varchar(50) NOT NULL DEFAULT '',
    user_email varchar(100) NOT NULL DEFAULT '', user_url varchar(100) NOT NULL DEFAULT '', user_registered timestamp NOT NULL DEFAULT '1970-01-01 00:00:00',
    user_activation_key varchar(255) NOT NULL DEFAULT '', user_status integer NOT NULL DEFAULT 0, display_name varchar(250) NOT NULL DEFAULT '');
CREATE INDEX user_login_key ON wp_users (user_login);
CREATE INDEX user_email ON wp_users (user_email);
CREATE TABLE wp_usermeta (umeta_id bigint NOT NULL PRIMARY KEY, user_id bigint NOT NULL DEFAULT 0, meta_key varchar(255), meta_value text);
CREATE TABLE wp_posts (
    "ID" bigint NOT NULL PRIMARY KEY, post_author bigint NOT NULL DEFAULT 0, post_date timestamp, post_content text NOT NULL, post_title text NOT NULL,
    post_status varchar(20) NOT NULL DEFAULT 'publish', post_password varchar(255) NOT NULL DEFAULT '', post_name varchar(200) NOT NULL DEFAULT '', post_parent bigint NOT NULL DEFAULT 0);
CREATE TABLE wp_comments (
    "comment_ID" bigint NOT NULL PRIMARY KEY, "comment_post_ID" bigint NOT NULL DEFAULT 0, comment_author text NOT NULL, comment_author_email varchar(100) NOT NULL DEFAULT '',
    comment_author_url varchar(200) NOT NULL DEFAULT '', "comment_author_IP" varchar(100) NOT NULL DEFAULT '', comment_date timestamp, comment_content text NOT NULL, user_id bigint NOT NULL DEFAULT 0);
CREATE TABLE wp_links (link_id bigint NOT NULL PRIMARY KEY, link_url varchar(255) NOT NULL DEFAULT '', link_name varchar(255) NOT NULL DEFAULT '', link_owner bigint NOT NULL DEFAULT 1);
CREATE TABLE wp_options (option_id bigint NOT NULL PRIMARY KEY, option_name varchar(191) NOT NULL UNIQUE, option_value text NOT NULL);
CREATE TABLE wp_signups (
    signup_id bigint NOT NULL PRIMARY KEY, domain varchar(200) NOT NULL DEFAULT '', user_login varchar(60) NOT NULL DEFAULT '', user_email varchar(100) NOT NULL DEFAULT '',
    registered timestamp, activated timestamp, active smallint NOT NULL DEFAULT 0, activation_key varchar(50) NOT NULL DEFAULT '');
INSERT INTO wp_users ("ID", user_login, user_email) VALUES (1, 'admin', 'admin@example.org'), (2, 'Admin', 'admin@example.org');
